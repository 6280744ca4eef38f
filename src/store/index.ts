export { JOURNAL_LIMITS, sqliteJournal } from './journal.js'
export type { JournalLimits, JournalOptions } from './journal.js'
export { StoreError } from './store-error.js'
