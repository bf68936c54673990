/** One field of a protobuf message: its number, and its value as the wire has it. */
export interface Field {
  readonly number: number;
  readonly value: bigint | Buffer;
}

/** Reads the fields of a message in protobuf's wire format, in order. Throws for bytes that are none. */
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

/** The messages, texts or bytes of a field that may be repeated. */
export function all(fields: readonly Field[], number: number): Buffer[] {
  return fields.flatMap((field) => (field.number === number && Buffer.isBuffer(field.value) ? [field.value] : []));
}

/** The text of a field; '' if it is absent. */
export function text(fields: readonly Field[], number: number): string {
  return all(fields, number).at(-1)?.toString() ?? '';
}

/** The number of a field; 0 if it is absent. */
export function integer(fields: readonly Field[], number: number): number {
  const { value } = fields.findLast((field) => field.number === number) ?? { value: 0n };
  return typeof value === 'bigint' ? Number(value) : 0;
}
