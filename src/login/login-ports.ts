/** Ports on 127.0.0.1 for callbacks of browser logins, in order of preference; 0 means any free port. */
export type LoginPorts = readonly number[];

export const LOGIN_PORTS = Symbol('LoginPorts');
