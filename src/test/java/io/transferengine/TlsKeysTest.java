// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.testkit.TestAuthority;
import io.transferengine.testkit.TestAuthority.Identity;
import io.transferengine.transfer.ConfigurationException;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TlsProvider;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Engines whose keys are of one kind reach one another, whoever encrypts their connections. */
@Timeout(120)
class TlsKeysTest {
  private static final int BYTES = 4096;

  @TempDir private Path folder;

  private Identity identity(String kind) {
    List<String> options = new ArrayList<>(List.of("-ext", TestAuthority.LOOPBACK));
    options.addAll(List.of(("-keyalg " + kind).split(" ")));
    return new TestAuthority(folder, "authority").issue("keys", options.toArray(String[]::new));
  }

  private static TestEngine engine(Identity identity, TlsProvider provider) {
    return new TestEngine(
        BYTES, builder -> TlsTransferTest.with(builder, identity).tlsProvider(provider));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "EC -groupname secp256r1",
        "EC -groupname secp384r1",
        "EC -groupname secp521r1",
        "RSA -keysize 2048",
        "Ed25519"
      })
  void anyKeyWillDo(String kind) {
    Identity identity = identity(kind);
    try (TestEngine one = engine(identity, TlsProvider.AUTO);
        TestEngine two = engine(identity, TlsProvider.AUTO);
        TestEngine other = engine(identity, TlsProvider.JDK)) {
      for (TestEngine target : List.of(two, other)) {
        TestEngine.assertCompleted(
            one.submit(Operation.WRITE, target.engine.segmentName(), target.address(), BYTES));
        TestEngine.assertCompleted(
            target.submit(Operation.WRITE, one.engine.segmentName(), one.address(), BYTES));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"EC -groupname secp521r1", "Ed25519"})
  void whoAsksForBoringSslIsToldWhichKeyItDoesNotTake(String kind) {
    Identity identity = identity(kind);
    assertThatThrownBy(() -> engine(identity, TlsProvider.BORINGSSL).close())
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContainingAll("TE_TLS_PROVIDER", "a key of another kind");
  }
}
