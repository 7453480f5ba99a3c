//! See `huaweicloud_sms_fuzz::token`.
#![cfg_attr(fuzzing, no_main)]
huaweicloud_sms_fuzz::target!(token);
