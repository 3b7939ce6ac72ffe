/** Text that can go into a header of HTTP as it is (RFC 9110, 5.5: visible ASCII); an access token must. */
export const headerText = /^[\x21-\x7e]+$/;
