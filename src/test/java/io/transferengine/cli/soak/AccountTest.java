// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.cli.console.CommandEnvironment;
import io.transferengine.cli.faults.Act;
import io.transferengine.cli.faults.Changes;
import io.transferengine.cli.faults.Fault;
import io.transferengine.cli.faults.Part;
import io.transferengine.transfer.Operation;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Between real processes, of which one gets a request with a bit inverted. */
@Timeout(120)
class AccountTest {
  private static final byte READ_2 = (byte) 0x80;
  private static final byte WRITE_2 = (byte) 0x81;
  private static final int HEADER_BYTES = 24;
  private static final int STATUS_BYTES = 8;
  private static final int PATIENCE_MILLIS = 60_000;
  private static final byte SCRIBBLE = 0x55;

  /** A write, which the bit makes longer: it takes the first bytes of the next header with it. */
  private static final int BIT = 4;

  private static final int MORE = 1 << BIT;
  private static final int LENGTH = 0x1a3;
  private static final int START = Layout.REGISTERED.getFirst().offset() + 80;
  private static final int END = START + LENGTH;

  /** A block that begins among them, and where it is moved to. */
  private static final int SOURCE = END + MORE / 2;

  private static final int DESTINATION = Layout.REGISTERED.getLast().offset() + 100;
  private static final int BLOCK = 1000;

  @TempDir Path folder;

  private Group group(Variant variant) {
    return new Group(
        Setup.of(CommandEnvironment.current(), folder, "tcp", new Configuration(variant, false)),
        2,
        1);
  }

  private static Account account(Group group) {
    return new Account(group.members(), byte[]::new, Optional.empty());
  }

  private static Planned move(Operation operation, Member initiator, Member target, int length) {
    boolean writes = operation == Operation.WRITE;
    return new Planned(
        operation,
        initiator,
        target,
        PATIENCE_MILLIS,
        -1,
        1,
        SCRIBBLE,
        List.of(
            new Planned.Span(
                writes ? SOURCE : DESTINATION, writes ? DESTINATION : SOURCE, length)));
  }

  private static Outcome perform(Planned move) {
    return Outcome.parse(move.initiator().child().ask("move", 0, move.move().text()));
  }

  private static ByteBuffer header(byte opcode, long size, long address) {
    return ByteBuffer.allocate(HEADER_BYTES)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(size)
        .putLong(address)
        .put(opcode)
        .rewind();
  }

  private static Changes struck(Group group) {
    return group.trap().struck().orElseThrow();
  }

  /** Writes to a process what is there already, with a header that is flipped on its way. */
  private static Changes writeFlipped(Group group, Member target, Fault.Place place, int bit)
      throws Exception {
    group.trap().arm(new Fault(Act.FLIP, Part.HEADER, 0, place, bit), () -> {});
    int port = target.relays().getLast().port();
    try (Socket socket = new Socket(InetAddress.ofLiteral(Ports.TOLD), port)) {
      ByteBuffer sent =
          ByteBuffer.allocate(LENGTH + 2 * HEADER_BYTES)
              .put(header(WRITE_2, LENGTH, target.base() + START))
              .put(target.memory().expected(START, LENGTH))
              .put(header(READ_2, 1, target.base() + START));
      socket.getOutputStream().write(sent.array());
      assertThat(socket.getInputStream().readNBytes(STATUS_BYTES)).hasSize(STATUS_BYTES);
    }
    assertThat(group.trap().end()).isTrue();
    return struck(group);
  }

  private static Outcome account(Group group, Changes changes, Planned move) {
    Account account = account(group);
    Outcome outcome = perform(move);
    assertThat(account.add(move, outcome, Optional.of(changes))).isTrue();
    account.add(changes, Map.of(move, outcome));
    return outcome;
  }

  private static void check(Group group) {
    group.members().forEach(member -> member.memory().check());
  }

  private static void requireFound(Member member, int offset) {
    member.memory().invert(offset);
    assertThatThrownBy(() -> member.memory().check())
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("Byte 0x%x of %s is ".formatted(offset, member.name()));
    member.memory().invert(offset);
  }

  /** A round failed because of it: the block itself has nothing to do with that connection. */
  @Test
  void aReadMayFetchWhatAFlippedRequestWroteIntoItsSource() throws Exception {
    try (Group group = group(Variant.PLAIN)) {
      Member a = group.members().getFirst();
      Member b = group.members().getLast();
      Changes changes = writeFlipped(group, a, Fault.Place.START, BIT);
      assertThat(account(group, changes, move(Operation.READ, b, a, BLOCK)).completed()).isTrue();
      check(group);
      requireFound(a, END + MORE);
      requireFound(b, DESTINATION + MORE / 2);
      requireFound(b, DESTINATION + BLOCK);
    }
  }

  @Test
  void aWriteMayCarryWhatAFlippedRequestWroteIntoItsSource() throws Exception {
    try (Group group = group(Variant.PLAIN)) {
      Member a = group.members().getFirst();
      Member b = group.members().getLast();
      Changes changes = writeFlipped(group, a, Fault.Place.START, BIT);
      assertThat(account(group, changes, move(Operation.WRITE, a, b, BLOCK)).completed()).isTrue();
      check(group);
      requireFound(b, DESTINATION + MORE / 2);
    }
  }

  /** What its initiator has written over it must stay. */
  @Test
  void aReadThatDidNotCompleteBringsNothing() throws Exception {
    try (Group group = group(Variant.PLAIN)) {
      Member a = group.members().getFirst();
      Member b = group.members().getLast();
      Changes changes = writeFlipped(group, a, Fault.Place.START, BIT);
      Planned move = move(Operation.READ, b, a, BLOCK);
      b.memory().fill(DESTINATION, BLOCK, SCRIBBLE);
      Account account = account(group);
      Outcome failed = new Outcome("FAILED", false, "");
      assertThat(account.add(move, failed, Optional.of(changes))).isFalse();
      account.add(changes, Map.of(move, failed));
      check(group);
      assertThat(b.memory().isUnsure()).isFalse();
    }
  }

  @Test
  void aRequestThatIsFlippedBeyondTheRegistrationDoesNothing() throws Exception {
    try (Group group = group(Variant.PLAIN)) {
      Member a = group.members().getFirst();
      Changes changes = writeFlipped(group, a, Fault.Place.MIDDLE, BIT);
      assertThat(changes.written()).isEmpty();
      check(group);
    }
  }

  @Test
  void withChecksumsAFlippedRequestDoesNothing() {
    try (Group group = group(Variant.CHECKED)) {
      Member a = group.members().getFirst();
      Member b = group.members().getLast();
      group.trap().arm(new Fault(Act.FLIP, Part.HEADER, 0, Fault.Place.START, BIT), () -> {});
      Planned move = move(Operation.WRITE, b, a, BLOCK);
      Outcome outcome = perform(move);
      assertThat(group.trap().end()).isTrue();
      Changes changes = struck(group);
      assertThat(changes.noticed()).isTrue();
      Account account = account(group);
      assertThat(account.add(move, outcome, Optional.of(changes))).isTrue();
      account.add(changes, Map.of(move, outcome));
      check(group);
      assertThat(a.memory().isUnsure()).isFalse();
      assertThat(b.memory().isUnsure()).isFalse();
    }
  }
}
