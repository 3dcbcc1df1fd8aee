// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.transfer.HostPort;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What names of peers and of ourselves become. Ours are the loopback, 10.0.0.1 and fd00::1. */
@Timeout(60)
class PeerAddressesTest {
  private static final List<String> OURS = List.of("10.0.0.1", "fd00:0:0:0:0:0:0:1");

  private static InetAddress ip(String text) throws UnknownHostException {
    return InetAddress.getByName(text);
  }

  private static HostPort reachable(String said, String resolved, String from)
      throws UnknownHostException {
    InetAddress[] addresses =
        resolved == null || resolved.isEmpty()
            ? new InetAddress[0]
            : Arrays.stream(resolved.split(" "))
                .map(
                    text -> {
                      try {
                        return ip(text);
                      } catch (UnknownHostException e) {
                        throw new AssertionError(e);
                      }
                    })
                .toArray(InetAddress[]::new);
    return PeerAddresses.reachable(
        HostPort.parse(said),
        addresses,
        ip(from),
        15000,
        address -> OURS.contains(address.getHostAddress()));
  }

  @ParameterizedTest
  @CsvSource({
    // A name that leads to ourselves is not the peer's when another host answered.
    "localhost:15000,      127.0.0.1,          10.0.0.2,  10.0.0.2:15000",
    "localhost:16000,      ::1 127.0.0.1,      10.0.0.2,  10.0.0.2:15000",
    "127.0.0.1:15000,      127.0.0.1,          10.0.0.2,  10.0.0.2:15000",
    "10.0.0.1:15000,       10.0.0.1,           10.0.0.2,  10.0.0.2:15000",
    "[fd00::1]:15000,      fd00::1,            fd00::2,   [fd00::2]:15000",
    "node-b:15000,         '',                 10.0.0.2,  10.0.0.2:15000",
    // An address of a link needs the zone that it has here.
    "[fe80::2]:15000,      fe80::2,            fe80::2,   [fe80::2]:15000",
    "[fe80::2%eth9]:15000, '',                 fe80::2,   [fe80::2]:15000",
    // All else is the peer's own business: it may be asked under a name that leads to several.
    "10.0.0.3:15000,       10.0.0.3,           10.0.0.2,  10.0.0.3:15000",
    "node-b:15000,         10.0.0.2,           10.0.0.2,  node-b:15000",
    // On this machine every name of ours is good.
    "localhost:15000,      127.0.0.1,          127.0.0.1, localhost:15000",
    "127.0.0.1:15000,      127.0.0.1,          10.0.0.1,  127.0.0.1:15000",
    "10.0.0.1:15000,       10.0.0.1,           127.0.0.1, 10.0.0.1:15000",
  })
  void theAddressThatAnsweredOutranksANameThatMisleads(
      String said, String resolved, String from, String expected) throws UnknownHostException {
    assertThat(reachable(said, resolved, from)).hasToString(expected);
  }

  @ParameterizedTest
  @CsvSource({
    "localhost,       10.0.0.2,  true",
    "LocalHost.,      10.0.0.2,  true",
    "db.localhost,    10.0.0.2,  true",
    "127.0.0.1,       10.0.0.2,  true",
    "127.9.9.9,       10.0.0.2,  true",
    "0.0.0.0,         10.0.0.2,  true",
    "::1,             fd00::2,   true",
    "10.0.0.1,        10.0.0.2,  true",
    "fd00::1,         10.0.0.2,  true",
    "10.0.0.2,        10.0.0.2,  false",
    "10.0.0.3,        10.0.0.2,  false",
    // Never looked up: strangers choose it.
    "node-b.invalid,  10.0.0.2,  false",
    // On this machine every name of ours is good.
    "localhost,       127.0.0.1, false",
    "localhost,       10.0.0.1,  false",
    "10.0.0.1,        ::1,       false",
  })
  void aNameOfOursIsNoOtherMachines(String host, String from, boolean expected)
      throws UnknownHostException {
    assertThat(
            PeerAddresses.isPlainlyOurs(
                host, ip(from), address -> OURS.contains(address.getHostAddress())))
        .isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource({
    "fd00:1:0:0:0:0:0:1, fd00:1::1",
    "0:0:0:0:0:0:0:0,    ::",
    "0:0:0:0:0:0:0:1,    ::1",
    "1:0:0:2:0:0:0:3,    1:0:0:2::3",
    "1:0:2:3:4:5:6:7,    1:0:2:3:4:5:6:7",
    "2001:db8:0:0:1:0:0:1, 2001:db8::1:0:0:1",
    "1:2:3:4:5:6:0:0,    1:2:3:4:5:6::",
    "10.0.0.7,           10.0.0.7",
  })
  void addressesAreWrittenInTheirShortestForm(String address, String text)
      throws UnknownHostException {
    assertThat(AddressText.of(ip(address))).isEqualTo(text);
    assertThat(ip(text)).isEqualTo(ip(address));
  }

  @Test
  void aZoneStaysOnThisMachine() {
    assertThat(AddressText.withoutZone("fd00:1::1%d0")).isEqualTo("fd00:1::1");
    assertThat(AddressText.withoutZone("node-a")).isEqualTo("node-a");
  }

  @Test
  void aHostWithIpv6AloneIsFoundByIt() throws UnknownHostException {
    InetAddress link = ip("fe80::1");
    InetAddress six = ip("fd00:1::1");
    InetAddress four = ip("10.0.0.1");
    assertThat(LocalIdentity.choose(List.of(link, six), false)).contains(six);
    assertThat(LocalIdentity.choose(List.of(link, four), true)).contains(four);
    assertThat(LocalIdentity.choose(List.of(four, six), true)).contains(six);
    assertThat(LocalIdentity.choose(List.of(six, four), false)).contains(four);
    assertThat(LocalIdentity.choose(List.of(link), false)).isEqualTo(Optional.empty());
  }
}
