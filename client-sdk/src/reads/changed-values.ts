/** Returns a value with some fields replaced. A field that is missing or `undefined` stays as it is. */
export const withFields = <Value extends object>(
  value: Value,
  change: { readonly [Field in keyof Value]?: Value[Field] | undefined },
): Value =>
  Object.assign(
    {},
    value,
    Object.fromEntries(Object.entries(change).filter(([, field]) => field !== undefined)),
  );

/** Returns a list with one item changed. Returns the same list if the item is not in it or stays the same object. */
export const withItem = <List extends { readonly items: readonly { readonly id: string }[] }>(
  list: List | undefined,
  id: string,
  change: (item: List["items"][number]) => List["items"][number],
): List | undefined => {
  const before = list?.items.find((item) => item.id === id);
  const after = before && change(before);
  return list && after && after !== before
    ? { ...list, items: list.items.map((item) => (item === before ? after : item)) }
    : list;
};

/** Returns a list without one item. Returns the same list if the item is not in it. */
export const withoutItem = <List extends { readonly items: readonly { readonly id: string }[] }>(
  list: List | undefined,
  id: string,
): List | undefined =>
  list?.items.some((item) => item.id === id)
    ? { ...list, items: list.items.filter((item) => item.id !== id) }
    : list;
