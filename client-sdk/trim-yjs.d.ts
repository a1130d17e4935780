/** Removes code from the source of Yjs that is never used here. */
export declare const trimYjs: (code: string) => string;
