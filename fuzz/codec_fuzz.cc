// room: base
// Decoder on any input, read in any order: never past the end, nothing after a failure, and what Encoder wrote comes
// back.
#include <string>
#include <vector>

#include "base/check.h"
#include "base/codec.h"

namespace {

// The first octets say what is read, the rest is what it is read from.
void read_anything(std::string_view input) {
  const size_t count = input.empty() ? 0 : std::min<size_t>(static_cast<unsigned char>(input[0]), input.size() - 1);
  if (input.empty()) return;
  const std::string_view plan = input.substr(1, count), record = input.substr(1 + count);
  pabal::Decoder in(record);
  const auto within = [&](std::string_view part) {
    PABAL_CHECK(part.empty() ||
                (part.data() >= record.data() && part.data() + part.size() <= record.data() + record.size()));
  };
  for (const char step : plan) {
    const bool failed = !in.ok();
    const size_t left = in.rest().size();
    bool nothing = true;
    switch (static_cast<unsigned char>(step) % 7) {
      case 0:
        nothing = in.u8() == 0;
        break;
      case 1:
        nothing = in.u32() == 0;
        break;
      case 2:
        nothing = in.u64() == 0;
        break;
      case 3:
        nothing = in.varint() == 0;
        break;
      case 4:
        nothing = !in.boolean();
        break;
      case 5: {
        const std::string_view part = in.string();
        within(part);
        nothing = part.empty();
        break;
      }
      case 6: {
        const std::string_view part = in.raw(static_cast<unsigned char>(step) / 7);
        within(part);
        nothing = part.empty();
        break;
      }
    }
    within(in.rest());
    PABAL_CHECK(in.rest().size() <= left);
    PABAL_CHECK(in.ok() || nothing);
    PABAL_CHECK(!failed || (!in.ok() && in.done()));
  }
}

void write_and_read(std::string_view input) {
  pabal::Encoder out;
  std::vector<uint64_t> numbers;
  pabal::Decoder source(input);
  while (!source.done()) numbers.push_back(source.u64());
  for (const uint64_t n : numbers)
    out.varint(n).u64(n).u32(static_cast<uint32_t>(n)).u8(static_cast<uint8_t>(n)).string(input.substr(0, n % 64));
  const std::string record = out.take();
  pabal::Decoder in(record);
  for (const uint64_t n : numbers) {
    PABAL_CHECK(in.varint() == n && in.u64() == n && in.u32() == static_cast<uint32_t>(n) &&
                in.u8() == static_cast<uint8_t>(n));
    PABAL_CHECK(in.string() == input.substr(0, n % 64));
  }
  PABAL_CHECK(in.ok() && in.done());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  read_anything(input);
  write_and_read(input.substr(0, 4096));
  return 0;
}
