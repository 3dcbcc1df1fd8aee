// SPDX-License-Identifier: Apache-2.0
package io.transferengine.tls;

import io.transferengine.transfer.ConfigurationException;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;

/** A list of IP addresses and networks. Immutable. */
final class AddressList {
  /** All addresses that begin with the first {@code bits} of one. */
  private record Network(InetAddress first, int bits) {
    boolean contains(byte[] other) {
      byte[] address = first.getAddress();
      if (other.length != address.length) {
        return false;
      }
      for (int bit = 0; bit < bits; bit += Byte.SIZE) {
        int mask = 0xff & -(1 << Math.max(0, Byte.SIZE - (bits - bit)));
        int at = bit / Byte.SIZE;
        if (((address[at] ^ other[at]) & mask) != 0) {
          return false;
        }
      }
      return true;
    }
  }

  private final List<Network> networks;
  private final List<String> texts;

  private AddressList(List<Network> networks, List<String> texts) {
    this.networks = List.copyOf(networks);
    this.texts = List.copyOf(texts);
  }

  /**
   * {@return the list that a text describes}
   *
   * @param option the option whose value it is
   * @throws ConfigurationException if it is malformed
   */
  static AddressList parse(String option, String text) {
    List<Network> networks = new ArrayList<>();
    List<String> texts = new ArrayList<>();
    for (String part : text.split(",", -1)) {
      String entry = part.strip();
      if (!entry.isEmpty()) {
        networks.add(network(option, entry));
        texts.add(entry);
      }
    }
    return new AddressList(networks, texts);
  }

  private static Network network(String option, String entry) {
    int slash = entry.indexOf('/');
    try {
      InetAddress address = InetAddress.ofLiteral(slash < 0 ? entry : entry.substring(0, slash));
      int all = address.getAddress().length * Byte.SIZE;
      int bits = slash < 0 ? all : Integer.parseInt(entry.substring(slash + 1));
      if (bits >= 0 && bits <= all) {
        return new Network(address, bits);
      }
    } catch (IllegalArgumentException e) {
      // The same message as for too many bits.
    }
    throw new ConfigurationException(
        option, entry, "IP addresses, each perhaps with /BITS, separated by commas");
  }

  /** {@return whether an address is in the list} */
  boolean contains(InetAddress address) {
    byte[] bytes = address.getAddress();
    return networks.stream().anyMatch(network -> network.contains(bytes));
  }

  /** {@return the entries as they were written} */
  List<String> texts() {
    return texts;
  }
}
