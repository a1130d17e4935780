/** Returns the address of a request in any form that `fetch` accepts. */
export const urlOf = (input: Parameters<typeof fetch>[0]): string =>
  input instanceof Request ? input.url : input.toString();
