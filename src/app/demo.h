// pabal demo: a small Internet on the loopback. Two full servers, example.com on 127.0.0.1 and univ.edu on 127.0.0.2,
// each with a store of its own, their DNS zone in process; the first letter travels from Alice to Bob while one looks
// on.
#pragma once

#include <string>

namespace pabal::app {

struct DemoOptions {
  std::string data_dir;  // empty: $XDG_DATA_HOME/pabal-demo
  bool once = false;     // end when the letter has been read
};

int run_demo(const DemoOptions& options);

}  // namespace pabal::app
