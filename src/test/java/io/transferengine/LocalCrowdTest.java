// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.ChildJvm;
import io.transferengine.testkit.ManyPeersMain;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * What many peers on one machine and many registrations cost; {@code -Dpeers=1000} for more of
 * them, whose engines take some minutes to open, and {@code -Dregistrations=}.
 */
@Timeout(value = 6, unit = TimeUnit.MINUTES)
class LocalCrowdTest {
  private static final int PEERS = Integer.getInteger("peers", 200);
  private static final int REGISTRATIONS = Integer.getInteger("registrations", 10_000);

  /** Threads that are there for a while, such as carriers, and their stacks. */
  private static final int SOME = 40;

  private record Holdings(int descriptors, int threads, int mappings) {}

  private static Holdings holdings(String output, String when) {
    MatchResult found =
        Pattern.compile(when + " descriptors=([0-9]+) threads=([0-9]+) mappings=([0-9]+)")
            .matcher(output)
            .results()
            .findFirst()
            .orElseThrow(() -> new AssertionError(output));
    return new Holdings(
        Integer.parseInt(found.group(1)),
        Integer.parseInt(found.group(2)),
        Integer.parseInt(found.group(3)));
  }

  /**
   * Neither a peer nor a registration takes a descriptor or a thread. A peer takes one mapping: the
   * page with the word that says whether it lives.
   */
  @Test
  void peersTakeAMappingAndRegistrationsNothingOfTheSystem() throws Exception {
    ChildJvm.Result result =
        ChildJvm.run(
            List.of("--enable-native-access=ALL-UNNAMED", "-Xmx1g", "-Xss256k"),
            ChildJvm.classPath(_ -> true),
            List.of(),
            ManyPeersMain.class,
            Integer.toString(PEERS),
            Integer.toString(REGISTRATIONS));
    System.out.println("LocalCrowdTest, " + PEERS + " peers:");
    result.output().lines().filter(line -> line.contains("mappings=")).forEach(System.out::println);
    assertThat(result.exitStatus()).as(result.output()).isZero();
    assertNoMore(result.output(), "before", "copied", PEERS);
    assertNoMore(result.output(), "unregistered", "registered", 0);
    assertNoMore(result.output(), "unregistered", "taken", 0);
  }

  private static void assertNoMore(String output, String before, String after, int mappings) {
    Holdings first = holdings(output, before);
    Holdings then = holdings(output, after);
    assertThat(then.descriptors()).as(after).isLessThan(first.descriptors() + SOME);
    assertThat(then.threads()).as(after).isLessThan(first.threads() + SOME);
    assertThat(then.mappings()).as(after).isLessThan(first.mappings() + mappings + 10 * SOME);
  }
}
