const UNITS = ["bytes", "kB", "MB", "GB", "TB"] as const;

/** Formats a size for people, with decimal units: `512 bytes`, `4.1 kB`, `126 MB`. */
export const sizeToText = (sizeBytes: number): string => {
  const unit = Math.min(Math.floor(Math.log10(Math.max(sizeBytes, 1)) / 3), UNITS.length - 1);
  const size = sizeBytes / 1000 ** unit;
  const digits = unit > 0 && size < 10 ? 1 : 0;
  return `${size.toFixed(digits)} ${UNITS[unit]}`;
};
