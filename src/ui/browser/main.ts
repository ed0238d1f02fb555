import { createAsking, switchButtons } from './asking.ts'
import { createFilter } from './filter.ts'
import { keepLive } from './live.ts'
import { createOutcome } from './outcome.ts'
import { openSession } from './session.ts'

const session = await openSession()
const outcome = createOutcome()
switchButtons(document, session)
const { refresh } = keepLive((fresh) => {
  switchButtons(fresh, session)
  void session.follow(fresh).then(() => switchButtons(document, session))
  void outcome.refresh().catch(() => undefined)
})
createAsking(session, outcome, refresh)
createFilter(refresh)
