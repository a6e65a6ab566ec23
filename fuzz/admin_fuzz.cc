// room: app
// A request of the admin socket: any octets are a request or an error; no command line of any words crashes.
#include <string>

#include "app/admin.h"
#include "app/commands.h"
#include "base/text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto request = pabal::app::parse_admin_request(input);
  if (request) (void)pabal::app::check_command(request->args);
  // The same words without JSON around them, which the fuzzer would not guess; no more than a shell would give.
  std::vector<std::string> args;
  for (const auto word : pabal::text::split(input.substr(0, 4096), ' ')) args.emplace_back(word);
  (void)pabal::app::check_command(args);
  return 0;
}
