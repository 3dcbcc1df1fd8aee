// SPDX-License-Identifier: Apache-2.0
package io.transferengine.topology;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
final class GidTest {
  private static final String TEXT = "00:00:00:00:00:00:00:00:00:00:ff:ff:0a:63:00:01";

  private static Gid v4(String address) throws UnknownHostException {
    byte[] v4 = InetAddress.getByName(address).getAddress();
    byte[] mapped = new byte[16];
    mapped[10] = (byte) 0xff;
    mapped[11] = (byte) 0xff;
    System.arraycopy(v4, 0, mapped, 12, 4);
    return Gid.of(mapped);
  }

  @Test
  void theTextOfTheWireGoesThereAndBack() {
    Gid gid = Gid.parse(TEXT).orElseThrow();

    assertThat(gid.text()).isEqualTo(TEXT).hasSize(47);
    assertThat(gid).hasToString("::ffff:10.99.0.1");
    assertThat(Gid.of(gid.bytes())).isEqualTo(gid).hasSameHashCodeAs(gid);
    assertThat(gid.bytes()).hasSize(16).endsWith(10, 99, 0, 1);
    assertThat(Gid.parse("FE:80" + ":00".repeat(13) + ":0A").orElseThrow().text())
        .isEqualTo("fe:80" + ":00".repeat(13) + ":0a");
    assertThat(Gid.parseSysfs("fe80:0000:0000:0000:0000:00ff:fe00:0001").orElseThrow())
        .hasToString("fe80:0:0:0:0:ff:fe00:1");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        ":",
        "00:00:00:00:00:00:00:00:00:00:ff:ff:0a:63:00",
        "00:00:00:00:00:00:00:00:00:00:ff:ff:0a:63:00:01:02",
        "00:00:00:00:00:00:00:00:00:00:ff:ff:0a:63:00:1",
        "00:00:00:00:00:00:00:00:00:00:ff:ff:0a:63:00:0g",
        "00-00-00-00-00-00-00-00-00-00-ff-ff-0a-63-00-01",
        " 00:00:00:00:00:00:00:00:00:00:ff:ff:0a:63:00:01",
        "0000:0000:0000:0000:0000:ffff:0a63:0001"
      })
  void otherTextsAreNone(String text) {
    assertThat(Gid.parse(text)).isEmpty();
  }

  @Test
  void bytesAreSixteen() {
    for (int length : List.of(0, 4, 15, 17)) {
      assertThatThrownBy(() -> Gid.of(new byte[length]))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining(Integer.toString(length));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "10.0.0.0, true",
    "10.255.255.255, true",
    "11.0.0.0, false",
    "9.255.255.255, false",
    "172.15.255.255, false",
    "172.16.0.0, true",
    "172.31.255.255, true",
    "172.32.0.0, false",
    "192.167.255.255, false",
    "192.168.0.0, true",
    "192.168.255.255, true",
    "192.169.0.0, false",
    "100.63.255.255, false",
    "100.64.0.0, true",
    "100.127.255.255, true",
    "100.128.0.0, false",
    "8.8.8.8, false"
  })
  void privateAddressesAreThoseOfTheRfcs(String address, boolean expected) throws Exception {
    assertThat(v4(address).isV4Mapped()).isTrue();
    assertThat(v4(address).isPrivateV4()).isEqualTo(expected);
    assertThat(v4(address).isLinkLocal()).isFalse();
  }

  @ParameterizedTest
  @CsvSource({
    "fe80:0000:0000:0000:0000:00ff:fe00:0001, true",
    "febf:ffff:0000:0000:0000:0000:0000:0001, true",
    "fec0:0000:0000:0000:0000:0000:0000:0001, false",
    "fe00:0000:0000:0000:0000:0000:0000:0001, false",
    "2001:0db8:0000:0000:0000:0000:0000:0001, false"
  })
  void linkLocalIsTenBits(String text, boolean expected) {
    Gid gid = Gid.parseSysfs(text).orElseThrow();
    assertThat(gid.isLinkLocal()).isEqualTo(expected);
    assertThat(gid.isV4Mapped()).isFalse();
    assertThat(gid.isPrivateV4()).isFalse();
  }

  @Test
  void nullIsAllZero() {
    assertThat(Gid.of(new byte[16]).isNull()).isTrue();
    for (int i = 0; i < 16; i++) {
      byte[] bytes = new byte[16];
      bytes[i] = 1;
      assertThat(Gid.of(bytes).isNull()).isFalse();
    }
  }

  @Test
  void commonPrefixCountsBits() throws Exception {
    Gid first = v4("10.99.0.1");

    assertThat(first.commonPrefixBits(first)).isEqualTo(128);
    assertThat(first.commonPrefixBits(v4("10.99.0.0"))).isEqualTo(127);
    assertThat(first.commonPrefixBits(v4("10.99.1.1"))).isEqualTo(119);
    assertThat(first.commonPrefixBits(v4("138.99.0.1"))).isEqualTo(96);
    for (int bit = 0; bit < 128; bit++) {
      byte[] bytes = first.bytes();
      bytes[bit / 8] ^= (byte) (0x80 >>> bit % 8);
      assertThat(first.commonPrefixBits(Gid.of(bytes))).isEqualTo(bit);
      assertThat(Gid.of(bytes).commonPrefixBits(first)).isEqualTo(bit);
    }
  }
}
