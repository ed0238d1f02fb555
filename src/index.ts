export { type Clock, systemClock } from './platform/clock.ts'
