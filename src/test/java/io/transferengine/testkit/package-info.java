// SPDX-License-Identifier: Apache-2.0
/** What tests of two processes need: a peer in a JVM of its own, memory, contents to compare. */
package io.transferengine.testkit;
