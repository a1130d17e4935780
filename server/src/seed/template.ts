/** Replaces each `{name}` in a text with its value. Throws for a name without a value. */
export const fillText = (template: string, values: Readonly<Record<string, string>>): string =>
  template.replaceAll(/\{(\w+)\}/g, (_match, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`There is no value for {${name}}`);
    return value;
  });
