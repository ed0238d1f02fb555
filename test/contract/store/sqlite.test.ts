import { describe } from 'vitest'
import { openTestStore, removeDir, temporaryDir } from './place.ts'
import { storeContract } from './store.contract.ts'

describe('store on SQLite', () => {
  storeContract(async () => {
    const dataDir = temporaryDir()
    return {
      open: (migrations) => openTestStore({ dataDir, ...(migrations && { migrations }) }),
      remove: async () => removeDir(dataDir),
    }
  })
})
