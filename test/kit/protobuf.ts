/** A field of a protobuf message: its number and its value as encoded. */
export interface Field {
  readonly number: number;
  readonly value: bigint | Buffer;
}

/** Decodes the fields of a protobuf message, in order. Throws on invalid bytes. */
export function fieldsOf(bytes: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): bigint => {
    let [value, shift] = [0n, 0n];
    for (;;) {
      const byte = bytes.readUInt8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
      shift += 7n;
    }
  };
  const take = (length: number): Buffer => {
    if (at + length > bytes.length) throw new RangeError('The message is cut.');
    return bytes.subarray(at, (at += length));
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const [number, type] = [tag >> 3, tag & 7];
    if (type === 0) fields.push({ number, value: varint() });
    else if (type === 1) fields.push({ number, value: take(8).readBigUInt64LE() });
    else if (type === 2) fields.push({ number, value: take(Number(varint())) });
    else if (type === 5) fields.push({ number, value: BigInt(take(4).readUInt32LE()) });
    else throw new RangeError(`There is no wire type ${type}.`);
  }
  return fields;
}

/** Returns every message, text or byte value of a repeated field. */
export function all(fields: readonly Field[], number: number): Buffer[] {
  return fields.flatMap((field) => (field.number === number && Buffer.isBuffer(field.value) ? [field.value] : []));
}

/** Returns the text of a field; '' if it is absent. */
export function text(fields: readonly Field[], number: number): string {
  return all(fields, number).at(-1)?.toString() ?? '';
}

/** Returns the number in a field; 0 if it is absent. */
export function integer(fields: readonly Field[], number: number): number {
  const { value } = fields.findLast((field) => field.number === number) ?? { value: 0n };
  return typeof value === 'bigint' ? Number(value) : 0;
}
