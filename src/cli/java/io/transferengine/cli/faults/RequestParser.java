// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.faults;

import java.util.function.Consumer;
import java.util.function.Predicate;

/** Follows the requests on a data connection. */
final class RequestParser extends Parser {
  private final Consumer<Request> requests;
  private final Predicate<Request> served;
  private final Landing landing;
  private final byte[] header = new byte[Request.HEADER_BYTES];
  private final byte[] checksum = new byte[Checksum.BYTES];
  private byte[] table = new byte[0];
  private boolean checked;
  private boolean behindBody;
  private Request request = Request.of(header, table, false);

  /**
   * @param requests hears of each request when its header and table are complete
   * @param served whether the receiver does a request; else it ends the connection
   * @param landing hears of the bytes that are written
   */
  RequestParser(Consumer<Request> requests, Predicate<Request> served, Landing landing) {
    this.requests = requests;
    this.served = served;
    this.landing = landing;
    begin(Part.HEADER, Request.HEADER_BYTES);
  }

  @Override
  void prepare(byte[] bytes, int offset, int count) {
    if (part() == Part.HEADER
        && taken() == 0
        && Request.isIdentity(Request.opcode(bytes, offset, count))) {
      begin(Part.IDENTITY, Request.HEADER_BYTES);
    }
  }

  @Override
  void consume(byte[] bytes, int offset, int count) {
    switch (part()) {
      case HEADER, IDENTITY -> System.arraycopy(bytes, offset, header, (int) taken(), count);
      case TABLE -> System.arraycopy(bytes, offset, table, (int) taken(), count);
      case CHECKSUM -> System.arraycopy(bytes, offset, checksum, (int) taken(), count);
      case WRITE_BODY -> request.place(taken(), bytes, offset, count, landing);
      default -> {}
    }
  }

  @Override
  void next() {
    switch (part()) {
      case HEADER, IDENTITY -> afterHeader();
      case TABLE -> {
        if (checked) {
          begin(Part.CHECKSUM, Checksum.BYTES);
        } else {
          afterTable();
        }
      }
      case CHECKSUM -> afterChecksum();
      case WRITE_BODY -> {
        if (checked) {
          behindBody = true;
          begin(Part.CHECKSUM, Checksum.BYTES);
        } else {
          begin(Part.HEADER, Request.HEADER_BYTES);
        }
      }
      default -> begin(Part.HEADER, Request.HEADER_BYTES);
    }
  }

  private void afterHeader() {
    int opcode = Request.opcode(header, 0, header.length);
    boolean hello = Request.isCheckedIdentity(opcode);
    int ranges = Request.ranges(header);
    if (ranges < 0
        || !Request.isKnown(opcode)
        || ((checked || hello) && !Request.isUndamaged(header))) {
      giveUp(); // The target ends the connection.
      return;
    }
    checked |= hello;
    behindBody = false;
    table = new byte[ranges * Request.ENTRY_BYTES];
    if (ranges > 0) {
      begin(Part.TABLE, table.length);
    } else {
      afterTable();
    }
  }

  /** It was that of the table, or of the body. */
  private void afterChecksum() {
    if (behindBody) {
      begin(Part.HEADER, Request.HEADER_BYTES);
    } else if (Checksum.of(table, 0, table.length) == Checksum.read(checksum)) {
      afterTable();
    } else {
      giveUp(); // The target ends the connection.
    }
  }

  private void afterTable() {
    request = Request.of(header, table, checked);
    long body = request.bodyBytes();
    if (body < 0) {
      giveUp();
      return;
    }
    requests.accept(request);
    if (!served.test(request)) {
      giveUp();
    } else if (request.writes() && body > 0) {
      begin(Part.WRITE_BODY, body);
    } else {
      begin(Part.HEADER, Request.HEADER_BYTES);
    }
  }
}
