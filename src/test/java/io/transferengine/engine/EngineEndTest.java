// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.LogCapture;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class EngineEndTest {
  private final List<String> done = Collections.synchronizedList(new ArrayList<>());

  @Test
  void partsAreClosedInTheirOrderByAThreadOfItsOwn() {
    EngineEnd end = new EngineEnd();
    end.then("one", _ -> done.add("one on " + Thread.currentThread().getName()))
        .then("two", _ -> done.add("two"))
        .then("three", _ -> done.add("three"));
    assertThat(done).as("nothing is closed before").isEmpty();
    end.start();
    assertThat(end.await()).isTrue();
    assertThat(done).containsExactly("one on te-close", "two", "three");
  }

  /** The first one waits for the last: it is closed beside all of them. */
  @Test
  void whatMayTakeLongIsClosedBesideTheRest() {
    CountDownLatch last = new CountDownLatch(1);
    EngineEnd end = new EngineEnd();
    end.beside(
            "one",
            _ -> {
              try {
                last.await();
                done.add("one");
              } catch (InterruptedException e) {
                throw new IllegalStateException(e);
              }
            })
        .then("two", _ -> done.add("two"))
        .then("three", _ -> last.countDown());
    end.start();
    assertThat(end.await()).isTrue();
    assertThat(done).as("its end is that of all").containsExactlyInAnyOrder("two", "one");
  }

  @Test
  void whatOnePartThrowsKeepsNoOtherOpen() {
    EngineEnd end = new EngineEnd();
    end.beside(
            "one",
            _ -> {
              throw new OutOfMemoryError("test");
            })
        .then(
            "two",
            _ -> {
              throw new BootstrapMethodError("test");
            })
        .then("three", _ -> done.add("three"));
    try (LogCapture log = new LogCapture()) {
      end.start();
      assertThat(end.await()).isTrue();
      assertThat(log.warnings())
          .hasSize(2)
          .allSatisfy(line -> assertThat(line).matches("Closing (one|two) failed; the rest .*"));
    }
    assertThat(done).containsExactly("three");
  }

  @Test
  void aCloseThatIsInterruptedIsWholeAllTheSame() {
    EngineEnd end = new EngineEnd();
    end.then("one", _ -> done.add("one " + Thread.currentThread().isInterrupted()));
    Thread.currentThread().interrupt();
    end.start();
    assertThat(end.await()).isTrue();
    assertThat(Thread.interrupted()).as("it is kept").isTrue();
    assertThat(done).containsExactly("one false");
  }
}
