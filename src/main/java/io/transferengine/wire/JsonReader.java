// SPDX-License-Identifier: Apache-2.0
package io.transferengine.wire;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonStreamContext;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import io.transferengine.logging.Printable;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.io.ByteArrayInputStream;
import java.io.CharConversionException;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Reads JSON within {@link JsonLimits}: as leniently as jsoncpp's default reader, and with types as
 * strict as its accessors. This is a cursor: after {@link #beginObject}, {@link #nextMember} moves
 * to the value of each member in turn; after {@link #beginArray}, {@link #nextElement} moves to
 * each element. The caller must read, begin or {@link #skip} every value. Not thread-safe.
 */
final class JsonReader {
  private static final int SHOWN_LENGTH_MAX = 60;

  private static final byte[] BYTE_ORDER_MARK = {(byte) 0xef, (byte) 0xbb, (byte) 0xbf};

  /**
   * Makes a factory for each document: one keeps the names of members that it has met, thousands of
   * them, and whatever comes after one with a new name copies them all. Strangers choose them.
   */
  private static final JsonFactoryBuilder FACTORY =
      new JsonFactoryBuilder()
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxDocumentLength(JsonLimits.DOCUMENT_LENGTH_MAX_BYTES)
                  .maxNestingDepth(JsonLimits.NESTING_DEPTH_MAX)
                  .maxStringLength(JsonLimits.STRING_LENGTH_MAX)
                  .maxNameLength(JsonLimits.MEMBER_NAME_LENGTH_MAX)
                  .maxNumberLength(JsonLimits.NUMBER_LENGTH_MAX)
                  .build())
          .enable(JsonReadFeature.ALLOW_JAVA_COMMENTS)
          .enable(JsonReadFeature.ALLOW_TRAILING_COMMA)
          .enable(JsonReadFeature.ALLOW_UNESCAPED_CONTROL_CHARS)
          .enable(JsonReadFeature.ALLOW_LEADING_ZEROS_FOR_NUMBERS)
          // Strangers choose the names, which must not fill the JVM's table of interned strings.
          .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
          // Records are UTF-8. Jackson would else guess from the first bytes that it is UTF-32.
          .disable(JsonFactory.Feature.CHARSET_DETECTION);

  private final JsonParser parser;
  private final String what;

  private JsonReader(JsonParser parser, String what) {
    this.parser = parser;
    this.what = what;
  }

  /** Reads a value with the cursor. */
  interface Body<T> {
    T read(JsonReader in) throws IOException;
  }

  /**
   * Runs {@code body} on the document's value.
   *
   * @param what the document's name in error texts, with its article
   */
  static <T> T parse(byte[] json, String what, Body<T> body) {
    if (json.length > JsonLimits.DOCUMENT_LENGTH_MAX_BYTES) {
      throw JsonLimits.exceeded(what + " has " + json.length + " bytes", null);
    }
    int start = beginsWithMark(json) ? BYTE_ORDER_MARK.length : 0;
    try (JsonParser parser = FACTORY.build().createParser(json, start, json.length - start)) {
      if (parser.nextToken() == null) {
        throw malformed(what + " is empty", null);
      }
      return body.read(new JsonReader(parser, what));
    } catch (StreamConstraintsException e) {
      throw aboveLimit(what, e);
    } catch (IOException | IllegalStateException e) {
      throw noJson(what, e);
    }
  }

  /**
   * Checks one value, reads what follows it, and keeps nothing.
   *
   * @param in ends with the document
   * @throws TransferException MALFORMED_JSON if it is not JSON, JSON_TOO_LARGE if it exceeds a
   *     limit
   * @throws IOException from the stream
   */
  static void check(InputStream in, String what) throws IOException {
    var _ = walk(in, what, JsonReader::passOver);
  }

  private static boolean passOver(JsonParser parser) throws IOException {
    parser.skipChildren();
    parser.finishToken();
    return true;
  }

  /** As {@link #check}; says whether it is the descriptor of a C++ engine without RDMA. */
  static boolean isOfCppOverTcp(InputStream in, String what) throws IOException {
    return walk(in, what, JsonReader::isOfCppOverTcp);
  }

  private static boolean isOfCppOverTcp(JsonParser parser) throws IOException {
    if (parser.currentToken() != JsonToken.START_OBJECT) {
      var _ = passOver(parser);
      return false;
    }
    boolean tcp = false;
    boolean ours = false;
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String name = parser.currentName();
      JsonToken value = parser.nextToken();
      if (name.equals("protocol") && value == JsonToken.VALUE_STRING) {
        tcp = parser.getTextLength() == 3 && parser.getText().equals(SegmentDescriptor.TCP);
      }
      ours |= name.equals(SegmentDescriptor.INCARNATION);
      var _ = passOver(parser);
    }
    return tcp && !ours;
  }

  private interface Walk {
    boolean over(JsonParser parser) throws IOException;
  }

  private static boolean walk(InputStream in, String what, Walk walk) throws IOException {
    boolean result;
    try (JsonParser parser = FACTORY.build().createParser(behindMark(in))) {
      if (parser.nextToken() == null) {
        throw malformed(what + " is empty", null);
      }
      result = walk.over(parser);
    } catch (StreamConstraintsException e) {
      throw aboveLimit(what, e);
    } catch (JsonProcessingException | CharConversionException | IllegalStateException e) {
      throw noJson(what, e);
    }
    in.skipNBytes(in.available());
    return result;
  }

  /** As jsoncpp, passes over a mark of the byte order in front, which UTF-8 has no use for. */
  private static InputStream behindMark(InputStream in) throws IOException {
    byte[] first = in.readNBytes(BYTE_ORDER_MARK.length);
    return beginsWithMark(first)
        ? in
        : new SequenceInputStream(new ByteArrayInputStream(first), in);
  }

  private static boolean beginsWithMark(byte[] json) {
    int length = BYTE_ORDER_MARK.length;
    return json.length >= length && Arrays.equals(json, 0, length, BYTE_ORDER_MARK, 0, length);
  }

  private static TransferException aboveLimit(String what, StreamConstraintsException e) {
    return JsonLimits.exceeded(
        what + " exceeds a limit: " + Printable.of(e.getOriginalMessage(), 300), e);
  }

  /**
   * Jackson throws IllegalStateException if member names were made to collide in its hash table.
   */
  private static TransferException noJson(String what, Exception e) {
    String text = e.getMessage() == null ? e.toString() : e.getMessage();
    return malformed(what + " is not JSON: " + Printable.of(text, 300), e);
  }

  /** {@return whether an object begins here; false for null, which has no members} */
  boolean beginObject() {
    if (parser.currentToken() == JsonToken.VALUE_NULL) {
      return false;
    }
    require(JsonToken.START_OBJECT, "an object");
    return true;
  }

  /** Moves to the next member's value and returns its name; null after the last member. */
  @Nullable String nextMember() throws IOException {
    if (parser.nextToken() == JsonToken.END_OBJECT) {
      return null;
    }
    String name = parser.currentName();
    parser.nextToken();
    return name;
  }

  /** {@return whether an array begins here; false for null, which has no elements} */
  boolean beginArray() {
    if (parser.currentToken() == JsonToken.VALUE_NULL) {
      return false;
    }
    require(JsonToken.START_ARRAY, "an array");
    return true;
  }

  /** Moves to the next element; false after the last one. */
  boolean nextElement() throws IOException {
    return parser.nextToken() != JsonToken.END_ARRAY;
  }

  /** {@return whether the value here is an array} */
  boolean isArray() {
    return parser.currentToken() == JsonToken.START_ARRAY;
  }

  /** {@return whether the value here is an object} */
  boolean isObject() {
    return parser.currentToken() == JsonToken.START_OBJECT;
  }

  /** {@return whether the value here is null} */
  boolean isNull() {
    return parser.currentToken() == JsonToken.VALUE_NULL;
  }

  /** Passes over the value here, whatever it is. */
  void skip() throws IOException {
    parser.skipChildren();
  }

  /** {@return the text here; "" for null} */
  String text() throws IOException {
    if (isNull()) {
      return "";
    }
    require(JsonToken.VALUE_STRING, "a string");
    String text = parser.getText();
    requireWholeCharacters(text);
    return text;
  }

  /** As {@link #text}, but "" for whatever else is here. */
  String textIfOne() throws IOException {
    if (parser.currentToken() == JsonToken.VALUE_STRING && hasWholeCharacters(parser.getText())) {
      return parser.getText();
    }
    skip();
    return "";
  }

  /** jsoncpp refuses half a surrogate pair too. A record with one could not be written back. */
  void requireWholeCharacters(String text) {
    if (!hasWholeCharacters(text)) {
      throw wrong("text without half surrogate pairs");
    }
  }

  private static boolean hasWholeCharacters(String text) {
    for (int i = 0; i < text.length(); i++) {
      if (Character.isSurrogate(text.charAt(i))) {
        boolean pair =
            i + 1 < text.length() && Character.isSurrogatePair(text.charAt(i), text.charAt(i + 1));
        if (!pair) {
          return false;
        }
        i++;
      }
    }
    return true;
  }

  /** {@return the flag here; false for null} */
  boolean flag() throws IOException {
    return switch (parser.currentToken()) {
      case VALUE_TRUE -> true;
      case VALUE_FALSE, VALUE_NULL -> false;
      default -> throw wrong("true or false");
    };
  }

  /** {@return the whole number here, at most {@code max}; both unsigned; 0 for null} */
  long unsigned(long max) throws IOException {
    if (isNull()) {
      return 0;
    }
    require(JsonToken.VALUE_NUMBER_INT, "a whole number");
    if (!isUpTo(max)) {
      throw wrong("a number from 0 to " + Long.toUnsignedString(max));
    }
    return number();
  }

  /** As {@link #unsigned}, but 0 for whatever else is here. */
  long unsignedIfOne(long max) throws IOException {
    if (parser.currentToken() == JsonToken.VALUE_NUMBER_INT && isUpTo(max)) {
      return number();
    }
    skip();
    return 0;
  }

  private boolean isLong() throws IOException {
    return parser.getNumberType() != JsonParser.NumberType.BIG_INTEGER;
  }

  private long number() throws IOException {
    return isLong() ? parser.getLongValue() : parser.getBigIntegerValue().longValue();
  }

  private boolean isUpTo(long max) throws IOException {
    boolean fits =
        isLong()
            ? parser.getLongValue() >= 0
            : parser.getBigIntegerValue().signum() >= 0
                && parser.getBigIntegerValue().bitLength() <= 64;
    return fits && Long.compareUnsigned(number(), max) <= 0;
  }

  /** {@return the whole number here, from 0 to {@code max}; 0 for null} */
  int unsignedInt(int max) throws IOException {
    return (int) unsigned(max);
  }

  /** Refuses a list with more than {@code max} elements. */
  void requireCount(int count, int max) {
    if (count > max) {
      throw JsonLimits.exceeded(what + ": " + path() + " has more than " + max + " elements", null);
    }
  }

  /** {@return the error for a value that is not {@code expected}} */
  TransferException wrong(String expected) {
    return malformed(what + ": " + path() + " must be " + expected + ", not " + found(), null);
  }

  private void require(JsonToken token, String expected) {
    if (parser.currentToken() != token) {
      throw wrong(expected);
    }
  }

  private String path() {
    JsonStreamContext context = parser.getParsingContext();
    JsonToken token = parser.currentToken();
    if (token != null && token.isStructStart() && context.getParent() != null) {
      context = context.getParent();
    }
    String pointer = context.pathAsPointer().toString();
    return pointer.isEmpty() ? "the value" : "\"" + Printable.of(pointer.substring(1), 200) + "\"";
  }

  private String found() {
    JsonToken token = parser.currentToken();
    if (token == JsonToken.START_OBJECT) {
      return "an object";
    }
    if (token == JsonToken.START_ARRAY) {
      return "an array";
    }
    try {
      String text = Printable.of(String.valueOf(parser.getText()), SHOWN_LENGTH_MAX);
      return token == JsonToken.VALUE_STRING ? "the string \"" + text + "\"" : text;
    } catch (IOException e) {
      return "something unreadable";
    }
  }

  private static TransferException malformed(String message, @Nullable Exception cause) {
    String remedy = "The sender is not a transfer engine, or it is broken";
    return cause == null
        ? new TransferException(ErrorCode.MALFORMED_JSON, message, remedy)
        : new TransferException(ErrorCode.MALFORMED_JSON, message, remedy, cause);
  }
}
