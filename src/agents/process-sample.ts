import type { ProcessSample } from '../platform/proc/process.ts'

/** The one object all reads of a source go through: nothing is allocated per process and sample. */
export function createProcessSample(): ProcessSample {
  return {
    ppid: 0,
    pgrp: 0,
    session: 0,
    state: '',
    comm: '',
    userSeconds: undefined,
    systemSeconds: undefined,
    childUserSeconds: undefined,
    childSystemSeconds: undefined,
    threads: undefined,
    rssBytes: undefined,
    rssAnonBytes: undefined,
    rssPeakBytes: undefined,
    swapBytes: undefined,
    voluntarySwitches: undefined,
    involuntarySwitches: undefined,
    ioReadBytes: undefined,
    ioWriteBytes: undefined,
    openFds: undefined,
  }
}
