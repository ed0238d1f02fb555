import { limitsOf } from './limits.ts'
import { html, type Markup } from './markup.ts'
import type { ShownAgent } from './model.ts'

/** As long as the API takes. */
const MOST_REASON = 500

/** The one dialog of a page; the script fills in what a button asks. */
export function dialog(agent: ShownAgent | undefined): Markup {
  const limits = limitsOf(agent?.thresholds, agent?.ratios)
  return html`<dialog id="ask" aria-labelledby="ask-title" aria-describedby="ask-explain"><form id="ask-form" method="dialog" autocomplete="off">
<h2 id="ask-title"></h2><p id="ask-explain"></p>
<p id="ask-trial" role="status" hidden></p>
<p id="ask-opt-in" hidden><label><input type="checkbox" id="ask-enforce"> It did not opt in to be acted on: do it this one time. Otherwise this is a dry run.</label></p>
<p id="ask-extra" hidden><label for="ask-amount">Extra budget in the new epoch (optional)</label><span class="pair"><select id="ask-limit" aria-label="Which limit">${limits.map(
    ({ text }) => html`<option value="${text.key}" data-unit="${text.unit}">${text.name}</option>`,
  )}</select><input id="ask-amount" maxlength="32" placeholder="none"></span></p>
<p id="ask-why"><label for="ask-reason">Reason, for the journal</label><input id="ask-reason" maxlength="${MOST_REASON}" autofocus></p>
<p id="ask-error" role="alert" hidden></p>
<div class="buttons"><button type="submit" id="ask-confirm"></button><button type="button" id="ask-cancel">Cancel</button></div>
</form></dialog>`
}
