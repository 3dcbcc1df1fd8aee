// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.etcd;

import static org.assertj.core.api.Assertions.assertThatCode;

import io.etcd.jetcd.Client;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What is loaded before the first call has the names that the library in use knows. */
@Timeout(60)
class EtcdFirstUseTest {
  static java.util.List<String> carriers() {
    return EtcdFirstUse.CARRIERS;
  }

  @ParameterizedTest
  @MethodSource("carriers")
  void eachCarrierIsThere(String name) {
    assertThatCode(() -> Class.forName(name, true, Client.class.getClassLoader()))
        .doesNotThrowAnyException();
  }
}
