// Runs in the page: draws with uPlot what was decided when the page was written.
const GRID = 'rgba(204, 204, 220, 0.09)'
const INK = '#9d9fb0'
const FONT = '11px sans-serif'
const drawings = JSON.parse(document.getElementById('drawings').textContent)

for (const plot of document.querySelectorAll('.plot')) {
  const drawing = drawings[plot.dataset.panel]
  const axis = (ticks, more) => ({
    stroke: INK,
    font: FONT,
    grid: { stroke: GRID, width: 1 },
    ticks: { show: false },
    splits: () => ticks.map(({ at }) => at),
    values: () => ticks.map(({ text }) => text),
    ...more,
  })
  new uPlot(
    {
      width: plot.clientWidth,
      height: drawing.height,
      padding: [8, 20, 0, 0],
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false, range: () => [drawing.from, drawing.to] },
        y: { range: () => [drawing.yMin, drawing.yMax] },
      },
      axes: [
        axis(drawing.xTicks, { size: 24, gap: 4 }),
        axis(drawing.yTicks, { size: drawing.yWidth, gap: 5 }),
      ],
      series: [{}, ...drawing.lines.map((line) => seriesOf(line, drawing))],
      bands: drawing.bars
        ? []
        : drawing.lines.flatMap((line, at) =>
            line.onto < 0
              ? []
              : [{ series: [at + 1, line.onto + 1], fill: translucent(line.colour, line.fill) }],
          ),
      hooks: {
        drawClear: [(chart) => drawBands(chart, drawing)],
        draw: [(chart) => drawMarks(chart, drawing)],
      },
    },
    drawing.data,
    plot,
  )
}

function seriesOf({ colour, width, fill, dash }, { bars, points }) {
  if (points > 0) {
    return { stroke: colour, width: 0, paths: () => null, points: { show: true, size: points, fill: colour } }
  }
  return {
    stroke: colour,
    width: bars ? 0 : width * 1.4,
    fill: fill > 0 ? translucent(colour, fill) : undefined,
    dash,
    points: { show: false },
    ...(bars && { paths: uPlot.paths.bars({ size: [0.85, 40, 2] }) }),
  }
}

function translucent(colour, opacity) {
  return `${colour}${Math.round(opacity * 255)
    .toString(16)
    .padStart(2, '0')}`
}

/** What happened: a line where it began, and a tint as long as it lasted. */
function drawBands({ ctx, bbox, valToPos }, { bands, from, to }) {
  ctx.save()
  for (const band of bands) {
    const left = valToPos(Math.max(band.from, from), 'x', true)
    const right = valToPos(Math.min(band.to, to), 'x', true)
    ctx.fillStyle = translucent(band.colour, 0.05)
    ctx.fillRect(left, bbox.top, right - left, bbox.height)
    ctx.strokeStyle = translucent(band.colour, 0.55)
    ctx.setLineDash([3, 4])
    ctx.beginPath()
    ctx.moveTo(left, bbox.top)
    ctx.lineTo(left, bbox.top + bbox.height)
    ctx.stroke()
  }
  ctx.restore()
}

function drawMarks({ ctx, bbox, valToPos }, { marks, yMin, yMax }) {
  ctx.save()
  ctx.setLineDash([8, 6])
  for (const { value, colour } of marks) {
    if (value < yMin || value > yMax) continue
    const y = valToPos(value, 'y', true)
    ctx.strokeStyle = translucent(colour, 0.8)
    ctx.beginPath()
    ctx.moveTo(bbox.left, y)
    ctx.lineTo(bbox.left + bbox.width, y)
    ctx.stroke()
  }
  ctx.restore()
}
