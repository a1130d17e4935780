/** Puts values into a text in place of `{name}`. Throws for a name without a value. */
export const fillText = (template: string, values: Readonly<Record<string, string>>): string =>
  template.replaceAll(/\{(\w+)\}/g, (_match, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`Nothing to put in place of {${name}}`);
    return value;
  });
