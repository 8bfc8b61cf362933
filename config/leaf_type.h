// The types that single values may have, each as a table of functions (spec.h).
#pragma once

#include "config/spec.h"

namespace hawser::config {

// T: bool, uint8_t to uint64_t, double, std::string, and the types of values.h, Secret, addresses and
// DnsServer among them. The rules are a Rules<T>.
template <class T>
const LeafType& LeafTypeOf();

// Of every enum: the value is one byte, the rules are WordRules.
const LeafType& WordType();

}  // namespace hawser::config
