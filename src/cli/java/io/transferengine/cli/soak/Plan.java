// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import io.transferengine.cli.faults.Act;
import io.transferengine.cli.faults.Fault;
import io.transferengine.cli.faults.Part;
import io.transferengine.transfer.Operation;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;

/** What happens in a round. All of it follows from a seed. */
final class Plan {
  private static final List<Part> HANDSHAKE_PARTS =
      List.of(Part.ASKED_FRAME, Part.ASKED_TEXT, Part.SAID_FRAME, Part.SAID_TEXT, Part.CONNECTION);

  /** Of both ports, with TLS. */
  private static final List<Part> TLS_PARTS =
      List.of(
          Part.RECORD_HEAD,
          Part.HELLO,
          Part.SEALED_HANDSHAKE,
          Part.SEALED,
          Part.ALERT,
          Part.CONNECTION);

  /** Most faults strike what moves the bytes. */
  private static final List<Part> TLS_DATA_PARTS =
      List.of(
          Part.RECORD_HEAD,
          Part.RECORD_HEAD,
          Part.SEALED,
          Part.SEALED,
          Part.SEALED,
          Part.SEALED_HANDSHAKE,
          Part.HELLO,
          Part.CONNECTION);

  /** Only new connections have them. */
  private static final Set<Part> FIRST_PARTS =
      Set.of(Part.IDENTITY, Part.CONNECTION, Part.HELLO, Part.SEALED_HANDSHAKE);

  private static final List<Act> ACTS =
      List.of(
          Act.RESET,
          Act.CLOSE,
          Act.TRUNCATE,
          Act.STALL,
          Act.DELAY,
          Act.TRICKLE,
          Act.FLIP,
          Act.FLIP,
          Act.DUPLICATE,
          Act.DROP);

  /** What is done to a connection without looking at its bytes. */
  private static final List<Act> CONNECTION_ACTS =
      List.of(Act.RESET, Act.CLOSE, Act.STALL, Act.DELAY);

  private static final List<Integer> SKIPS = List.of(0, 0, 0, 1, 1, 2, 4, 9);

  private static final double HANDSHAKE_SHARE = 0.2;
  private static final double SERVICE_SHARE = 0.3;
  private static final double KILL_SHARE = 0.02;
  private static final double STOP_SHARE = 0.06;
  private static final double DESCRIPTORS_SHARE = 0.03;
  private static final double THREADS_SHARE = 0.02;
  private static final double HEAP_SHARE = 0.02;
  private static final double CUT_SHARE = 0.1;
  private static final double FRESH_SHARE = 0.2;
  private static final double RESET_SHARE = 0.5;
  private static final double CANCEL_SHARE = 0.1;
  private static final double WHOLE_SHARE = 0.3;

  /** When a link goes down, and for how long: queue pairs give up after some 600 ms. */
  private static final int CUT_AFTER_MILLIS = 100;

  private static final int CUT_MILLIS = 2000;

  private static final int BLOCKS = 300;
  private static final int SMALL_BYTES = 4096;
  private static final int MEDIUM_BYTES = 256 << 10;
  private static final int LARGE_BYTES = 900 << 10;

  private final SplittableRandom random;
  private final List<Planned> moves = new ArrayList<>();
  private final Map<Member, int[]> used = new HashMap<>();
  private final List<Layout.Part> registered;
  private final Fault fault;
  private final Deed deed;
  private final Optional<Cut> cut;
  private final Moments moments;
  private final boolean fresh;
  private final boolean handshake;
  private final boolean service;
  private final boolean resets;

  Plan(Group group, long seed) {
    random = new SplittableRandom(seed);
    registered = Layout.registered(group.isManaged());
    List<Member> members = group.members();
    int count = 1 + random.nextInt(Move.AT_ONCE);
    for (int i = 0; i < count; i++) {
      addMove(members, group.onOneMachine() && random.nextDouble() < WHOLE_SHARE);
    }
    Deed.Kind drawn =
        deedKind(random.nextDouble() / (group.onOneMachine() ? Moments.MORE_DEEDS : 1));
    service = group.service().isPresent() && random.nextDouble() < SERVICE_SHARE;
    Victim victim = pick(members);
    Deed.Kind kind = possible(drawn, group);
    deed =
        new Deed(
            kind,
            service ? group.service().orElseThrow() : victim,
            1 + random.nextInt(longestMillis(kind)) / (group.onOneMachine() ? 5 : 1));
    handshake = service || random.nextDouble() < HANDSHAKE_SHARE;
    // Bytes that initiators copy pass no connection: there, a deed has a time instead.
    fault = fault(kind != Deed.Kind.NONE && !group.onOneMachine(), group);
    fresh =
        random.nextDouble() < FRESH_SHARE
            || FIRST_PARTS.contains(fault.part())
            || kind == Deed.Kind.DESCRIPTORS;
    resets = random.nextDouble() < RESET_SHARE;
    cut = cut(group.links());
    moments =
        group.onOneMachine()
            ? Moments.draw(random, moves, members, deed, fresh, service, group)
            : Moments.none();
  }

  private static Deed.Kind deedKind(double share) {
    double left = share;
    if ((left -= KILL_SHARE) < 0) {
      return Deed.Kind.KILL;
    }
    if ((left -= STOP_SHARE) < 0) {
      return Deed.Kind.STOP;
    }
    if ((left -= DESCRIPTORS_SHARE) < 0) {
      return Deed.Kind.DESCRIPTORS;
    }
    if ((left -= THREADS_SHARE) < 0) {
      return Deed.Kind.THREADS;
    }
    return left < HEAP_SHARE ? Deed.Kind.HEAP : Deed.Kind.NONE;
  }

  /**
   * The same, or one that can be done to the victim here; a machine's answer is always the same.
   */
  private Deed.Kind possible(Deed.Kind kind, Group group) {
    return switch (kind) {
      case NONE, STOP, KILL -> kind;
      case HEAP -> group.fullHeaps() && !service ? kind : possible(Deed.Kind.DESCRIPTORS, group);
      case THREADS ->
          group.canLack(Shortage.Resource.THREADS) ? kind : possible(Deed.Kind.DESCRIPTORS, group);
      case DESCRIPTORS -> group.canLack(Shortage.Resource.DESCRIPTORS) ? kind : Deed.Kind.NONE;
    };
  }

  private static int longestMillis(Deed.Kind kind) {
    return switch (kind) {
      case STOP -> 1000;
      case HEAP -> 500;
      case NONE, KILL, DESCRIPTORS, THREADS -> 100;
    };
  }

  /** Without links nothing is drawn, so that seeds mean what they meant before. */
  private Optional<Cut> cut(List<String> links) {
    return links.isEmpty() || random.nextDouble() >= CUT_SHARE
        ? Optional.empty()
        : Optional.of(
            new Cut(pick(links), random.nextInt(CUT_AFTER_MILLIS), 1 + random.nextInt(CUT_MILLIS)));
  }

  private Fault fault(boolean deeds, Group group) {
    Configuration configuration = group.configuration();
    boolean local = group.onOneMachine();
    Part part = service ? Part.OTHER : pick(local ? HANDSHAKE_PARTS : parts(configuration));
    boolean blind = part == Part.CONNECTION || part == Part.OTHER;
    Act act = deeds ? Act.DEED : pick(blind ? CONNECTION_ACTS : ACTS);
    if (!handshake
        && !local
        && (act == Act.CLOSE || act == Act.TRUNCATE)
        && !configuration.variant().seesOrderlyEnds()) {
      act = Act.RESET;
    }
    Fault.Place place =
        part == Part.OTHER ? Fault.Place.START : pick(List.of(Fault.Place.values()));
    if (act == Act.FLIP && place == Fault.Place.END) {
      place = Fault.Place.LAST;
    }
    int amount = 1 + random.nextInt(act == Act.DELAY ? 300 : 64);
    boolean first = (handshake && !configuration.tls() && !local) || part == Part.CONNECTION;
    int skipped = first ? 0 : pick(SKIPS);
    return new Fault(act, part, skipped, place, amount);
  }

  /** Parts that a connection of this round will have. */
  private List<Part> parts(Configuration configuration) {
    if (configuration.tls()) {
      return handshake ? TLS_PARTS : TLS_DATA_PARTS;
    }
    if (handshake) {
      return HANDSHAKE_PARTS;
    }
    List<Part> parts =
        new ArrayList<>(List.of(Part.HEADER, Part.STATUS, Part.IDENTITY, Part.CONNECTION));
    if (configuration.variant() == Variant.CHECKED) {
      parts.add(Part.CHECKSUM);
    }
    for (Planned move : moves) {
      parts.add(move.operation() == Operation.WRITE ? Part.WRITE_BODY : Part.READ_BODY);
      if (move.spans().size() > BLOCKS / 10) {
        parts.add(Part.TABLE);
      }
    }
    return parts;
  }

  private <T> T pick(List<T> from) {
    return from.get(random.nextInt(from.size()));
  }

  /**
   * @param whole whether it is one block, of all that is registered in one piece. Copying that
   *     takes long enough for whatever comes to come meanwhile
   */
  private void addMove(List<Member> members, boolean whole) {
    int initiator = random.nextInt(members.size());
    int target = (initiator + 1 + random.nextInt(members.size() - 1)) % members.size();
    List<Planned.Span> spans = new ArrayList<>();
    int shape = random.nextInt(4);
    int several = shape == 0 ? 1 + random.nextInt(BLOCKS) : 1 + random.nextInt(3);
    int blocks = whole ? 1 : several;
    int longest = new int[] {2000, SMALL_BYTES, MEDIUM_BYTES, LARGE_BYTES}[shape];
    int wholeBytes = registered.getFirst().length();
    boolean adjacent = random.nextInt(3) == 0 || whole;
    for (int i = 0; i < blocks; i++) {
      int length = whole ? wholeBytes : 1 + random.nextInt(longest);
      int here = place(members.get(initiator), length, adjacent);
      int there = here < 0 ? -1 : place(members.get(target), length, adjacent);
      if (there >= 0) {
        spans.add(new Planned.Span(here, there, length));
      }
    }
    if (spans.isEmpty()) {
      return;
    }
    moves.add(
        new Planned(
            random.nextBoolean() ? Operation.WRITE : Operation.READ,
            members.get(initiator),
            members.get(target),
            250 + random.nextInt(750),
            random.nextDouble() < CANCEL_SHARE ? random.nextInt(50) : -1,
            1,
            (byte) random.nextInt(),
            spans));
  }

  /** {@return where a block lies that no other block of the round overlaps; -1 if it is full} */
  private int place(Member member, int length, boolean adjacent) {
    int[] ends = used.computeIfAbsent(member, _ -> new int[registered.size()]);
    int first = adjacent ? 0 : random.nextInt(ends.length);
    for (int i = 0; i < ends.length; i++) {
      int part = (first + i) % ends.length;
      int start = ends[part] + (adjacent ? 0 : random.nextInt(100));
      if (start + length <= registered.get(part).length()) {
        ends[part] = start + length;
        return registered.get(part).offset() + start;
      }
    }
    return -1;
  }

  List<Planned> moves() {
    return moves;
  }

  Fault fault() {
    return fault;
  }

  Deed deed() {
    return deed;
  }

  /** {@return what happens at a time, not at a place of a connection} */
  Moments moments() {
    return moments;
  }

  /** {@return the link that goes down meanwhile} */
  Optional<Cut> cut() {
    return cut;
  }

  /** {@return whether it begins without connections} */
  boolean fresh() {
    return fresh;
  }

  /** {@return whether initiators ask for their peers' descriptors first} */
  boolean handshake() {
    return handshake;
  }

  /**
   * {@return whether all connections end behind the fault} It must be so where the fault has made a
   * connection useless that its ends believe in.
   */
  boolean resets() {
    return resets
        || moments.isSet()
        || deed.kills()
        || fault.act() == Act.TRUNCATE
        || fault.act().changesBytes();
  }

  /** {@return whether the metadata service may have lost something} */
  boolean touchesService() {
    return service;
  }

  /** {@return new content for a block} */
  byte[] content(int length) {
    byte[] bytes = new byte[length];
    random.nextBytes(bytes);
    return bytes;
  }

  /** {@return in a word each, what struck, if what was to strike a connection did} */
  List<String> names(boolean struck) {
    List<String> names = new ArrayList<>();
    if (struck) {
      names.add((fault.act() == Act.DEED ? deed.kind().name() : fault.act().name()));
    }
    if (moments.isSet() && deed.hasBegun()) {
      names.add(deed.kind().name());
    }
    moments.takeBack().ifPresent(taken -> names.add(taken.kind().name()));
    names.replaceAll(name -> name.toLowerCase(Locale.ROOT));
    return names;
  }

  @Override
  public String toString() {
    return "%s%s%s%s%s%s; %s"
        .formatted(
            fault,
            deed,
            moments,
            cut.map(Cut::toString).orElse(""),
            fresh ? ", fresh" : "",
            resets() ? ", then all are reset" : "",
            moves);
  }
}
