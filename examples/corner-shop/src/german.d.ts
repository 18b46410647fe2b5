import type { PageMessages, PageTranslation } from '@countersign/core/adapter';
/** The shop's page in German. With the type of all sentences none can be forgotten. */
export declare const german: PageMessages & PageTranslation;
