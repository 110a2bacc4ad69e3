/** The address to listen on is not there, and may come yet: a virtual address, DHCP, an interface. */
export class AddressMissing extends Error {
  override readonly name = "AddressMissing";
}
