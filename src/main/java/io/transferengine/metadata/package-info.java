// SPDX-License-Identifier: Apache-2.0
/** The parts that our clients of metadata services and our server share. */
package io.transferengine.metadata;
