// Every section of the configuration is a pair of files: its structs, what they say of themselves
// (describe.h), and its checks (validate.h).
#pragma once

namespace hawser::config {

class Description;
struct Checks;

}  // namespace hawser::config
