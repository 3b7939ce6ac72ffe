/** The ports on 127.0.0.1 that a browser login may come back to, in order of preference; 0 is any free one. */
export type LoginPorts = readonly number[];

export const LOGIN_PORTS = Symbol('LoginPorts');
