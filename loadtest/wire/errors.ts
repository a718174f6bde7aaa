/** What goes wrong with a server that is looked at from outside. The messages are for people. */

/** The server did not do what every SimplePush server does. */
export class WireError extends Error {}

/** Nobody answers there, or not in time, or not with a certificate that is trusted. */
export class UnreachableError extends Error {}
