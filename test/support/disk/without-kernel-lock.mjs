// Preloaded into a process, makes the binary of fs-native-extensions fail to load, as on a system without glibc.
const load = process.dlopen.bind(process);
process.dlopen = (module, path, ...rest) => {
  if (path.includes('fs-native-extensions')) {
    const message = 'Error loading shared library ld-linux-x86-64.so.2: No such file or directory';
    throw Object.assign(new Error(message), { code: 'ERR_DLOPEN_FAILED' });
  }
  return load(module, path, ...rest);
};
