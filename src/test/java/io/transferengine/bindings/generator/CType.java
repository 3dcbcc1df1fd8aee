// SPDX-License-Identifier: Apache-2.0
package io.transferengine.bindings.generator;

/** A type of C as Java's layouts see it: typedefs resolved, enums integers, pointers alike. */
sealed interface CType {
  /** In bytes. */
  long size();

  /** In bytes. */
  long alignment();

  /** A type that one value of Java carries. Its name is the header class' for its layout. */
  enum Scalar implements CType {
    C_CHAR("OfByte", "byte", 1),
    C_SHORT("OfShort", "short", 2),
    C_INT("OfInt", "int", 4),
    C_LONG("OfLong", "long", 8),
    C_LONG_LONG("OfLong", "long", 8),
    C_POINTER("AddressLayout", "MemorySegment", 8);

    private final String layoutClass;
    private final String carrier;
    private final long size;

    Scalar(String layoutClass, String carrier, long size) {
      this.layoutClass = layoutClass;
      this.carrier = carrier;
      this.size = size;
    }

    String layoutClass() {
      return layoutClass;
    }

    String carrier() {
      return carrier;
    }

    @Override
    public long size() {
      return size;
    }

    @Override
    public long alignment() {
      return size;
    }
  }

  /** An array of scalars inside a struct. */
  record Array(Scalar element, long length) implements CType {
    @Override
    public long size() {
      return element.size() * length;
    }

    @Override
    public long alignment() {
      return element.alignment();
    }
  }

  /** A struct or union that has a class of its own. */
  record Named(String name, long size, long alignment) implements CType {}

  /** A struct or union that is declared where it is used. */
  record Inline(CRecord declaration) implements CType {
    @Override
    public long size() {
      return declaration.size();
    }

    @Override
    public long alignment() {
      return declaration.alignment();
    }
  }

  /** A struct or union that is not on the list: fit to be skipped only. */
  record Unlisted(String spelling, long size, long alignment) implements CType {}
}
