// A process that holds collections of known sizes, and writes its heap snapshot to the path that it is given.
import { EventEmitter } from 'node:events';
import { writeHeapSnapshot } from 'node:v8';

const numbers = (count) => Array.from({ length: count }, (_, index) => index);

class Holder extends EventEmitter {
  #byName = new Map(numbers(1_000).map((it) => [`name ${it}`, { it }]));
  names = new Set(numbers(300).map((it) => `name ${it}`));
  list = numbers(500).map((it) => ({ it }));
  shrunk = new Map(numbers(100).map((it) => [`name ${it}`, `value ${it}`]));
  counts = new Map(numbers(1_000).map((it) => [it, it]));
  table = Object.fromEntries(numbers(80).map((it) => [`name ${it}`, { it }]));
  nested = new Map([['inner', new Map(numbers(80).map((it) => [`name ${it}`, it]))]]);

  get size() {
    return this.#byName.size;
  }
}

class Item {
  name = 'made up';
}

globalThis.holder = new Holder();
for (const it of numbers(40)) globalThis.holder.shrunk.delete(`name ${it}`);
for (const it of numbers(9)) globalThis.holder.on('event', () => it);
globalThis.holder.items = numbers(20).map(() => new Item());
globalThis.timer = setTimeout(function leftBehind() {}, 60_000);
writeHeapSnapshot(process.argv[2]);
clearTimeout(globalThis.timer);
