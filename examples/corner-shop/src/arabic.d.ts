import type { PageMessages, PageTranslation } from '@countersign/core/adapter';
/** The shop's page in Arabic, which is written from right to left. */
export declare const arabic: PageMessages & PageTranslation;
