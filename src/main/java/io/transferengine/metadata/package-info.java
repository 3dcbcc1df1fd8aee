// SPDX-License-Identifier: Apache-2.0
/** Where engines find each other's records: what a metadata service has to do, and its address. */
package io.transferengine.metadata;
