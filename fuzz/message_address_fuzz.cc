// room: message
// Lists pair their groups; an address that parses is written so that it parses to the same.
#include <string>

#include "base/check.h"
#include "base/text.h"
#include "message/build.h"
#include "message/words.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace m = pabal::message;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  bool in_group = false;
  std::vector<m::AddressItem> list = m::parse_address_list(bytes);
  for (m::AddressItem& item : list) {
    if (item.kind == m::AddressItem::kMailbox)
      PABAL_CHECK(!item.local.empty() || !item.domain.empty());
    else {
      PABAL_CHECK(in_group == (item.kind == m::AddressItem::kGroupEnd));
      in_group = !in_group;
    }
    item.display = item.display_text();
    PABAL_CHECK(pabal::text::is_utf8(item.display));
  }
  PABAL_CHECK(!in_group);
  (void)m::first_address(list);
  (void)m::address_line("To", list);
  for (const bool utf8 : {false, true})
    if (const auto address = m::parse_addr_spec(bytes, utf8)) {
      PABAL_CHECK(m::parse_addr_spec(address->text(), utf8) == address);
      const auto in_list = m::parse_address_list("<" + address->text() + ">");
      PABAL_CHECK(in_list.size() == 1 && in_list[0].local == address->local && in_list[0].domain == address->domain);
    }
  const std::string ascii = m::ascii_domain(bytes);
  PABAL_CHECK(m::ascii_domain(ascii) == ascii);
  (void)m::unicode_domain(bytes);
  (void)m::is_reply_subject(bytes);
  const std::string base = m::base_subject(bytes);
  PABAL_CHECK(pabal::text::is_utf8(base));
  return 0;
}
