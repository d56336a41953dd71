/** The version of everything in this room. Two ends speak only if theirs are equal: messages are positional. */
export const protocolVersion = 1;
