// SPDX-License-Identifier: Apache-2.0
package io.transferengine.topology;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The address of a port: 128 bits. For RoCE it is the IPv6 address of the port's network interface,
 * or its IPv4 address mapped into IPv6. Immutable.
 *
 * @param high the first eight bytes, in network order
 * @param low the last eight
 */
public record Gid(long high, long low) {
  /** How many bytes it has. */
  public static final int LENGTH_BYTES = 16;

  private static final HexFormat WIRE = HexFormat.ofDelimiter(":");
  private static final Pattern WIRE_TEXT = Pattern.compile("[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){15}");
  private static final Pattern SYSFS_TEXT = Pattern.compile("[0-9a-fA-F]{4}(?::[0-9a-fA-F]{4}){7}");

  private static final long V4_MAPPED = 0xffffL;
  private static final int LINK_LOCAL_BITS = 10;
  private static final long LINK_LOCAL = 0xfe80L << 48;

  /**
   * {@return the GID of 16 bytes}
   *
   * @param bytes in network order
   * @throws IllegalArgumentException if there are not 16
   */
  public static Gid of(byte[] bytes) {
    if (bytes.length != LENGTH_BYTES) {
      throw new IllegalArgumentException("a GID has 16 bytes, not " + bytes.length);
    }
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    return new Gid(buffer.getLong(), buffer.getLong());
  }

  /**
   * {@return the GID that descriptors and handshakes hold as 16 pairs of hexadecimal digits
   * separated by colons (protocol section 4.1); empty for any other text}
   *
   * @param text anything that a peer sent
   */
  public static Optional<Gid> parse(String text) {
    return WIRE_TEXT.matcher(text).matches()
        ? Optional.of(of(WIRE.parseHex(text)))
        : Optional.empty();
  }

  /** {@return the GID that sysfs shows as 8 groups of 4 digits; empty for any other text} */
  static Optional<Gid> parseSysfs(String text) {
    return SYSFS_TEXT.matcher(text).matches()
        ? Optional.of(of(HexFormat.of().parseHex(text.replace(":", ""))))
        : Optional.empty();
  }

  /** {@return its 16 bytes, a new array} */
  public byte[] bytes() {
    return ByteBuffer.allocate(LENGTH_BYTES).putLong(high).putLong(low).array();
  }

  /** {@return the 47 characters of {@link #parse}, in lower case} */
  public String text() {
    return WIRE.formatHex(bytes());
  }

  /** {@return whether all bits are 0: an empty row of a table} */
  public boolean isNull() {
    return (high | low) == 0;
  }

  /** {@return whether it stands for an IPv4 address ({@code ::ffff:a.b.c.d}, RFC 4291 2.5.5.2)} */
  public boolean isV4Mapped() {
    return high == 0 && low >>> 32 == V4_MAPPED;
  }

  /** {@return whether it is an IPv6 address that no router forwards ({@code fe80::/10})} */
  public boolean isLinkLocal() {
    return (high ^ LINK_LOCAL) >>> (Long.SIZE - LINK_LOCAL_BITS) == 0;
  }

  /**
   * {@return whether it stands for an IPv4 address of RFC 1918 (10/8, 172.16/12, 192.168/16) or RFC
   * 6598 (100.64/10)}
   */
  public boolean isPrivateV4() {
    int address = (int) low;
    return isV4Mapped()
        && (address >>> 24 == 10
            || address >>> 20 == 0xac1
            || address >>> 16 == 0xc0a8
            || address >>> 22 == 0x6440 >>> 6);
  }

  /**
   * {@return the number of leading bits that are equal, 0 to 128}
   *
   * @param other the GID to compare with
   */
  public int commonPrefixBits(Gid other) {
    return high == other.high
        ? Long.SIZE + Long.numberOfLeadingZeros(low ^ other.low)
        : Long.numberOfLeadingZeros(high ^ other.high);
  }

  /** {@return the GID as an IP address, for people} */
  @Override
  public String toString() {
    try {
      String address = InetAddress.getByAddress(bytes()).getHostAddress();
      return isV4Mapped() ? "::ffff:" + address : address;
    } catch (UnknownHostException impossible) {
      throw new IllegalStateException(impossible); // 16 bytes always are an address
    }
  }
}
