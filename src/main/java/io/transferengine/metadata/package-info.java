// SPDX-License-Identifier: Apache-2.0
/**
 * The interface to metadata services, in which engines find each other's records, and their
 * addresses.
 */
package io.transferengine.metadata;
