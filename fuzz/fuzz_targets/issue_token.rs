//! See `huaweicloud_sms_fuzz::issue_token`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| huaweicloud_sms_fuzz::issue_token(data));

#[cfg(not(fuzzing))]
fn main() {}
