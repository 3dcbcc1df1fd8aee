// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayDeque;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class QueuesTest {
  /** As the JDK's: the element is in when it turns out that there is no memory to grow. */
  private static final class Cramped extends ArrayDeque<String> {
    private static final long serialVersionUID = 1;
    boolean full;

    @Override
    public void addFirst(String element) {
      super.addFirst(element);
      throwIfFull();
    }

    @Override
    public void addLast(String element) {
      super.addLast(element);
      throwIfFull();
    }

    private void throwIfFull() {
      if (full) {
        throw new OutOfMemoryError("meant to be thrown");
      }
    }
  }

  @Test
  void anAdditionThatThrowsChangesNothing() {
    Cramped queue = new Cramped();
    Queues.addLast(queue, "b");
    Queues.addFirst(queue, "a");
    queue.full = true;
    assertThatThrownBy(() -> Queues.addLast(queue, "c")).hasMessage("meant to be thrown");
    assertThatThrownBy(() -> Queues.addFirst(queue, "c")).hasMessage("meant to be thrown");
    assertThat(queue).containsExactly("a", "b");
  }
}
