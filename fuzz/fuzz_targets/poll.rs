//! See `huaweicloud_sms_fuzz::poll`.
#![cfg_attr(fuzzing, no_main)]
huaweicloud_sms_fuzz::target!(poll);
