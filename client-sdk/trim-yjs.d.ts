/** Takes what is never used here out of the source of Yjs. */
export declare const trimYjs: (code: string) => string;
