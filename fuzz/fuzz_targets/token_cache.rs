//! See `huaweicloud_sms_fuzz::token_cache`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| huaweicloud_sms_fuzz::token_cache(data));

#[cfg(not(fuzzing))]
fn main() {}
